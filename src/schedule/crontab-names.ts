/** Names for jobs that never had one: after the program or script that their command runs. */

/** Words that only lead to what is run. */
const LEADING =
  /^(sudo|nice|ionice|nohup|exec|time|env|timeout|flock|chronic|sh|bash|dash|zsh|python[\d.]*|node|perl|php[\d.]*|ruby|java|uv|run|npx|docker)$/;
const SETTING_UP = /^(cd|test|\[|export|source|\.|set|umask|mkdir)$/;

/** @returns a function that gives each command its own name */
export function jobNamer(): (command: string) => string {
  const used = new Set<string>();
  return (command) => {
    const own = nameOf(command);
    let name = own;
    for (let count = 2; used.has(name); count += 1) name = `${own}-${count}`;
    used.add(name);
    return name;
  };
}

function nameOf(command: string): string {
  const parts = command.split(/&&|\|\||[;|(){}]/).map((part) => part.trim().split(/\s+/));
  const main = parts.find(([first = '']) => first !== '' && !SETTING_UP.test(first)) ?? parts[0] ?? [];
  const words = main
    .map((word) => word.replace(/^["']|["']$/g, ''))
    .filter((word) => /^[\w./-]+$/.test(word) && !/^[-\d]/.test(word));
  const word = words.find((candidate) => !LEADING.test(baseOf(candidate))) ?? words[0] ?? 'job';
  const name = baseOf(word)
    .replace(/\.(sh|py|js|mjs|ts|pl|php|rb|jar)$/, '')
    .replace(/[^A-Za-z0-9_-]+/g, '-');
  return name.replace(/^[^A-Za-z0-9]+/, '').slice(0, 60) || 'job';
}

function baseOf(word: string): string {
  return word.split('/').at(-1)!;
}
