import type { CreateDoor } from '../door.ts';
import { ownForm } from '../errors.ts';

export const bentomlDoor: CreateDoor = () => ({ shared: [], own: {}, errors: ownForm });
