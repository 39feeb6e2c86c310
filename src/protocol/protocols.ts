/**
 * The protocols of other systems: which are spoken, and on which ports of their own.
 *
 * All of them speak on the shared ports too, where their paths leave room for each other. A port of its own is for
 * clients that expect one, and for paths that would collide.
 */
import type { ProtocolOptions } from './options.ts';

export type ProtocolName = keyof ProtocolOptions;

/** A port that one protocol has for itself. */
export interface OwnPort {
  readonly protocol: ProtocolName;
  /** What is spoken there: the option that names the address. */
  readonly option: 'http' | 'grpc' | 'metrics';
  /** `HOST:PORT`. */
  readonly address: string;
}

/** Whether a protocol speaks on the shared port too; those whose paths would collide never do. */
export function isShared(options: ProtocolOptions[ProtocolName]): boolean {
  return 'enabled' in options && options.enabled;
}

/** The ports beside the shared ones that a server opens. */
export function ownPorts(options: ProtocolOptions): readonly OwnPort[] {
  return (Object.keys(options) as ProtocolName[]).flatMap((protocol) => {
    const addresses: Partial<Record<OwnPort['option'], string | undefined>> = options[protocol];
    return (['http', 'grpc', 'metrics'] as const).flatMap((option) => {
      const at = addresses[option];
      return at === undefined ? [] : [{ protocol, option, address: at }];
    });
  });
}

/** What in the options contradicts itself, with the path of the option. */
export function protocolClashes(options: ProtocolOptions, shared: Readonly<Record<string, string>>): readonly string[] {
  const clashes: string[] = [];
  if (options.kserve.enabled && options.tensorflowServing.enabled) {
    clashes.push(
      'protocols.kserve.enabled: TensorFlow Serving answers /v1/models on the shared port; ' +
        'set protocols.tensorflowServing.enabled to false, or give KServe a port of its own with protocols.kserve.http',
    );
  }
  const taken = new Map<string, string>();
  const claims = [
    ...Object.entries(shared),
    ...ownPorts(options).map(({ protocol, option, address: at }) => [`protocols.${protocol}.${option}`, at] as const),
  ];
  for (const [path, at] of claims) {
    const number = at.slice(at.lastIndexOf(':') + 1);
    const before = taken.get(number);
    if (number === '0') continue;
    if (before === undefined) taken.set(number, path);
    else clashes.push(`${path}: port ${number} is that of ${before}`);
  }
  return clashes;
}
