import type { CreateDoor } from '../door.ts';
import { ownForm } from '../errors.ts';

export const sagemakerDoor: CreateDoor = () => ({ shared: [], own: {}, errors: ownForm });
