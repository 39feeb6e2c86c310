import type { CreateDoor } from '../door.ts';
import { ownForm } from '../errors.ts';

export const vertexDoor: CreateDoor = () => ({ shared: [], own: {}, errors: ownForm });
