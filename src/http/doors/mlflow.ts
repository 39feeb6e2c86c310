import type { CreateDoor } from '../door.ts';
import { ownForm } from '../errors.ts';

export const mlflowDoor: CreateDoor = () => ({ shared: [], own: {}, errors: ownForm });
