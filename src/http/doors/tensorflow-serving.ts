import type { CreateDoor } from '../door.ts';
import { ownForm } from '../errors.ts';

export const tensorflowServingDoor: CreateDoor = () => ({ shared: [], own: {}, errors: ownForm });
