// The live room: the connection's entries go into the conversation, what is written goes through the outbox.

import { Connection } from './connection.js';
import { Outbox } from './outbox.js';
import { Panel } from './panel.js';
import { People } from './people.js';
import { keep, recall } from './storage.js';
import { whoIsIt } from './who.js';
import { knows, say } from './words.js';

export class Live {
  constructor({ room, announcer, conversation, composer, pages }) {
    const { me, room: slug } = room.dataset;
    Object.assign(this, { room: slug, me, announcer, conversation, composer, pages, title: document.title, missed: 0 });
    this.people = new People({ me, passes: (text) => conversation.pass(text) });
    this.panel = new Panel({
      reopens: (ways) => this.connection.reopen(ways),
      measures: () => this.connection.measure(),
      tries: () => {
        this.connection.tryNow();
        this.showPanel();
      },
    });
    this.outbox = new Outbox({
      key: `prosa.outbox.${me}.${slug}`,
      room: slug,
      send: (message) => this.connection.live && this.connection.send(message),
      mayPost: () => navigator.onLine && (this.connection.live || this.connection.state === 'offline'),
      post: (item) => this.postByForm(item),
      changed: (item) => this.drawItem(item),
    });
    this.connection = new Connection({
      room: slug,
      me,
      cursor: conversation.newest,
      ways: this.panel.ways,
      hears: (frame) => this.hear(frame),
      changes: (state) => this.change(state),
      asksWho: whoIsIt,
    });
    document.addEventListener('visibilitychange', () => this.comeOrGo());
    this.connection.open();
    this.outbox.items.forEach((item) => this.drawItem(item));
  }

  // --- writing

  // Take a message. Signed out, it stays in the composer: it could not be shown as on its way.
  post(body) {
    if (this.connection.isHalted) {
      this.composer.stand(...this.halted);
      return 'kept';
    }
    this.outbox.add(body);
    this.conversation.toNewest();
    return 'taken';
  }

  type() {
    if (this.connection.live) this.connection.send({ type: 'typing', room: this.room });
  }

  drawItem(item) {
    if (item.state === 'gone') this.conversation.dropItem(item);
    else this.conversation.showItem(item, this.deedsOf(item));
    this.showPanel();
  }

  deedsOf(item) {
    const again = [say('try_again'), () => this.outbox.again(item)];
    const others = [[say('edit'), () => this.edit(item)], [say('discard'), () => this.outbox.drop(item)]];
    return item.mayTryAgain ? [again, ...others] : others;
  }

  edit(item) {
    this.outbox.drop(item);
    this.composer.takeBack(item.body);
  }

  // What the live connection can't carry goes as the form sends it; the nonce keeps it single.
  async postByForm(item) {
    const outcome = await this.pages.post(this.composer.form, item);
    if (outcome.isStored) {
      this.outbox.settled(item.nonce);
      this.merge(outcome.rows);
    }
    return outcome;
  }

  // Take over the newer rows of a page that was fetched. Where some lie between, they come by the live connection.
  merge(rows) {
    const fresh = rows.filter((row) => Number(row.dataset.seq) > this.connection.cursor);
    if (!fresh.length) return;
    const isWhole = fresh.length < rows.length || this.connection.cursor === 0;
    if (!isWhole && this.connection.live) return;
    if (!isWhole) return location.reload();
    this.connection.cursor = Number(fresh.at(-1).dataset.seq);
    this.conversation.appendRows(fresh);
  }

  // --- hearing

  hear(frame) {
    if (frame.room !== undefined && frame.room !== this.room) return;
    if (frame.type === 'entry') this.hearEntry(frame);
    else if (frame.type === 'ack') this.hearAck(frame);
    else if (frame.type === 'gap') this.skip(frame);
    else if (frame.type === 'presence') this.people.showOnline(frame);
    else if (frame.type === 'typing') this.people.showWriting(frame.members);
    else if (frame.type === 'error') this.hearError(frame);
    else if (frame.type === 'pong') this.showPanel();
  }

  hearEntry(entry) {
    const isOwn = entry.author === this.me;
    if (isOwn) this.outbox.settled(entry.nonce);
    if (entry.kind !== 'post') return;
    this.conversation.add(entry, document.hidden || this.connection.missed(entry.seq));
    if (document.hidden && !isOwn) this.countMissed(this.missed + 1);
  }

  // On disk. Was it there before this page was made, its row stands here already.
  hearAck({ seq, nonce }) {
    if (this.saysUnavailable) this.composer.refuse('');
    this.saysUnavailable = false;
    this.outbox.acknowledged(nonce);
    if (seq <= this.connection.cursor) this.outbox.settled(nonce);
  }

  hearError({ code, message, nonce, retry_after: retryAfter }) {
    const words = knows(`refused_${code}`) ? say(`refused_${code}`) : message;
    if (nonce) this.outbox.refused(nonce, words, retryAfter);
    if (nonce && code === 'unavailable') {
      this.saysUnavailable = true;
      this.composer.refuse(words);
    }
    else if (!nonce && code === 'bad_message' && this.connection.live) this.outbox.doubt();
    else if (!nonce && retryAfter === undefined) this.stand(words);
  }

  // Too much was missed to be told one by one: the page has the newest. Once for each place, lest a log from
  // which the newest entries were taken away makes us go round in circles.
  skip({ from, to }) {
    const place = `${this.room} ${from}`;
    const hasReloaded = recall('sessionStorage', 'prosa.gap') === place;
    keep('sessionStorage', 'prosa.gap', place);
    if (hasReloaded) this.connection.cursor = to;
    else location.reload();
  }

  // --- being there

  change(state) {
    this.outbox.isOffline = state === 'offline';
    if (state === 'live') {
      this.composer.stand('');
      this.people.forget();
      this.outbox.flush();
      this.panel.look();
    } else {
      this.outbox.hold();
      if (!document.hidden) this.conversation.leave();
    }
    if (state === 'signed_out') this.stand(say('signed_out_words'), [say('sign_in'), signInPath()]);
    if (this.connection.isRemoved) this.stand(say('removed_words'));
    if (this.connection.stranger) this.stand(...wordsFor(this.me, this.connection.stranger));
    else if (state === 'stopped') this.outbox.failAll(this.halted[0]);
    if (state === 'offline') this.outbox.flush();
    this.announcer.changeState(state);
    this.people.showMe(state === 'live');
    this.showPanel();
  }

  showPanel() {
    this.panel.show(this.connection, this.outbox.waiting);
  }

  // Say why nothing is sent from here, now and whenever somebody tries.
  stand(...words) {
    this.halted = words;
    this.composer.stand(...words);
  }

  comeOrGo() {
    if (document.hidden) this.conversation.leave();
    else this.countMissed(0);
  }

  countMissed(n) {
    this.missed = n;
    document.title = n ? `(${n}) ${this.title}` : this.title;
  }
}

const signInPath = () => `/login?next=${encodeURIComponent(location.pathname + location.search)}`;

// What is said on a page that was made for `me` when `name` is signed in, and the link that goes with it.
export function wordsFor(me, name) {
  return [say('another', { me, name }), [say('open_as', { name }), location.pathname]];
}
