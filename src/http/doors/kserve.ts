import type { CreateDoor } from '../door.ts';
import { ownForm } from '../errors.ts';

export const kserveDoor: CreateDoor = () => ({ shared: [], own: {}, errors: ownForm });
