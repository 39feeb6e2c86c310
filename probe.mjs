import {DuckDBInstance} from '@duckdb/node-api'; import fs from 'node:fs';
const i=await DuckDBInstance.create(':memory:',{threads:'2'}); const c=await i.connect(); let t;
const run=async (q,label)=>{t=performance.now();try{const r=await (await c.run(q)).getRowsJS(); console.log(label??'',JSON.stringify(r,(k,v)=>typeof v==='bigint'?String(v):v).slice(0,600),(performance.now()-t).toFixed(1))}catch(e){console.log(label,'ERR',e.message.slice(0,300))}};
fs.writeFileSync('/tmp/ds/a.nd','{"a":1,"b":"x"}\n{"a":1.5,"b":"q\\"u,o","c":[1,2]}\n{"a":\n[1]\n{"a":NaN}\n{"a":12345678901234567890123,"a/b":9007199254740993}\n{"a":null,"b":"\\ud83d"}\n{"a":1}x\n{"a":1e400}\n{"a":0.1,"a":2}\n{"a":"5","x":{"y":1}}\n{"a":1,}\n');
const tab="read_csv('/tmp/ds/a.nd', auto_detect=false, header=false, strict_mode=false, new_line='\\n', delim='\x01', quote='', escape='', columns={'line':'VARCHAR'}, nullstr='', allow_quoted_nulls=false)";
await run("select line from "+tab,'lines');
await run("select ok, l, json_type(l[1]), typeof(l[1]) from (select *, case when ok then json_extract(line, ['/a','/b','/c','/a~1b']) end l from (select line, json_valid(line) and json_type(line)='OBJECT' ok from "+tab+"))",'x');
await run("select try_cast(cast(l[1] as varchar) as double) from (select *, case when ok then json_extract(line, ['/a','/b','/c','/a~1b']) end l from (select line, (case when json_valid(line) then json_type(line)='OBJECT' else false end) ok from "+tab+"))",'x');
await run("select json_extract_string('\"a\\u00e9\\n\"'::json,'$'), ('\"abc\"'::json)->>'$'",'str');
