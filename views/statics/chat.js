// Makes the room page live. Without this module the same page reads, pages back and posts by its form.

import { Announcer } from './announcer.js';
import { Composer } from './composer.js';
import { Conversation } from './conversation.js';
import { arrive } from './focus.js';
import { Live, wordsFor } from './live.js';
import { Pages } from './pages.js';

const room = document.getElementById('room');
const announcer = new Announcer();
const conversation = new Conversation(room, announcer);
const { me } = room.dataset;
const pages = new Pages({
  conversation,
  meets: (name) => (live ? live.connection.meet(name) : composer.stand(...wordsFor(me, name))),
});
const composer = new Composer({
  key: `prosa.draft.${me}.${room.dataset.room}`,
  max: Number(room.dataset.max),
  sends: (body) => live?.post(body) ?? 'form',
  types: () => live?.type(),
});

// A page of the past stays what it is: only the newest one is live, and from here the form posts.
const live = 'past' in room.dataset ? null : new Live({ room, announcer, conversation, composer, pages });
if (live) arrive();
