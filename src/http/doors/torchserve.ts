import type { CreateDoor } from '../door.ts';
import { ownForm } from '../errors.ts';

export const torchserveDoor: CreateDoor = () => ({ shared: [], own: {}, errors: ownForm });
