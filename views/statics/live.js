// Connects the parts of a live room: entries from the connection go into the conversation, messages from the composer
// go through the outbox to the connection.

import { Connection } from './connection.js';
import { fetchSignIn } from './identity.js';
import { hasText, translate } from './locale.js';
import { Outbox } from './outbox.js';
import { ConnectionPanel, otherSignInNotice } from './panel.js';
import { Places } from './places.js';
import { Presence } from './presence.js';
import { Reading } from './reading.js';
import { load, save } from './storage.js';

const MAX_ICON_COUNT = 9;  // more are not told apart in the icon of the page

const isPost = ({ type = 'post' }) => type === 'post';

export class LiveRoom {
  constructor({ room, announcer, conversation, composer, pages }) {
    const { me, room: slug } = room.dataset;
    Object.assign(this, { room: slug, me, announcer, conversation, composer, pages, title: document.title });
    this.icon = document.querySelector('link[rel=icon]');
    this.plainIcon = this.icon.href;
    this.presence = new Presence({ me, onChange: (text) => conversation.addPresenceLine(text) });
    this.panel = new ConnectionPanel({
      onReconnect: (transports) => this.connection.reopen(transports),
      onMeasure: () => this.connection.measure(),
      onRetry: () => {
        this.connection.retryNow();
        this.showPanel();
      },
    });
    this.outbox = new Outbox({
      key: `prosa.outbox.${me}.${slug}`,
      room: slug,
      send: (message) => this.connection.isLive && this.connection.send(message),
      canPost: () => navigator.onLine && (this.connection.isLive || this.connection.state === 'offline'),
      post: (item) => this.postByForm(item),
      onItemChange: (item) => this.showItem(item),
    });
    this.connection = new Connection({
      room: slug,
      me,
      cursor: Number(room.dataset.head),
      transports: this.panel.transports,
      onMessage: (frame) => this.onMessage(frame),
      onStateChange: (state) => this.onStateChange(state),
      fetchSignIn,
    });
    document.addEventListener('visibilitychange', () => this.onVisibilityChange());
    this.places = new Places({ me, onCount: (count) => this.showCount(count) });
    this.reading = new Reading({
      room: slug,
      conversation,
      canRead: () => this.connection.isLive && !document.hidden,
      send: (message) => this.connection.send(message),
      cursor: () => this.connection.cursor,
    });
    this.connection.open();
    this.outbox.items.forEach((item) => this.showItem(item));
  }

  // --- sending

  // Take a message from the composer; return 'sent' or 'kept' (leave it there). While halted it is kept: it could not
  // truthfully be shown as on its way.
  post(fields) {
    if (this.connection.isHalted) {
      this.composer.showLastingRefusal(...this.haltNotice);
      return 'kept';
    }
    this.outbox.add(fields);
    if (isPost(fields)) this.conversation.jump.toNewest();
    return 'sent';
  }

  sendTyping() {
    if (this.connection.isLive) this.connection.send({ type: 'typing', room: this.room });
  }

  showItem(item) {
    if (!isPost(item)) this.showChange(item);
    else if (item.state === 'gone') this.conversation.pending.remove(item);
    else this.conversation.pending.show(item, this.actionsFor(item));
    this.showPanel();
  }

  // A change of a message is on its way: the message is dimmed. If it was refused, say why; a text goes back to the box.
  showChange(item) {
    this.conversation.rowOf(item.target)?.classList.toggle('changing', item.state === 'waiting' || item.state === 'sent');
    if (item.state !== 'failed') return;
    this.composer.showRefusal(item.why);
    if (item.type === 'edit') this.composer.edit({ seq: item.target, body: item.body });
    this.outbox.remove(item);
  }

  actionsFor(item) {
    const retry = [translate('try_again'), () => this.outbox.retry(item)];
    const others = [[translate('edit'), () => this.edit(item)], [translate('discard'), () => this.outbox.remove(item)]];
    return item.mayTryAgain ? [retry, ...others] : others;
  }

  edit(item) {
    this.outbox.remove(item);
    this.composer.putBack(item.body);
  }

  // Post an outbox item by the form instead of the live connection. The nonce makes sure that it is stored once.
  async postByForm(item) {
    const outcome = await this.pages.post(this.composer.form, item);
    if (outcome.isStored) {
      this.outbox.onShown(item.nonce);
      this.addRows(outcome.rows);
    }
    return outcome;
  }

  // Add the newer rows of a fetched page. If entries are missing before them, the live connection will bring all. It
  // brings these, too: the cursor stays where it is, since what was changed meanwhile further up is still to come.
  addRows(rows) {
    const newest = this.conversation.newestSeq;
    const added = rows.filter((row) => Number(row.dataset.seq) > newest);
    if (!added.length) return;
    if (added.length < rows.length || newest === 0) this.conversation.appendRows(added);
    else if (!this.connection.isLive) location.reload();
  }

  // --- receiving

  onMessage(frame) {
    if (this.places.receive(frame)) return;
    if (frame.room !== undefined && frame.room !== this.room) return;
    if (frame.type === 'entry') this.onEntry(frame);
    else if (frame.type === 'ack') this.onAck(frame);
    else if (frame.type === 'gap') this.onGap(frame);
    else if (frame.type === 'presence') this.presence.showOnline(frame);
    else if (frame.type === 'typing') this.presence.showTyping(frame.members);
    else if (frame.type === 'error') this.onError(frame);
    else if (frame.type === 'pong') this.showPanel();
    this.reading.update();
  }

  onEntry(entry) {
    if (entry.author === this.me) this.outbox.onShown(entry.nonce);
    if (entry.kind === 'post' || entry.kind === 'note') {
      this.conversation.add(entry, document.hidden || this.connection.wasMissed(entry.seq));
    } else {
      this.conversation.change(entry);
    }
  }

  // The message is on disk. If that was so before this page was made, its row is already here.
  onAck({ seq, nonce }) {
    if (this.showsUnavailable) this.composer.showRefusal('');
    this.showsUnavailable = false;
    this.outbox.onAck(nonce);
    if (seq <= this.connection.cursor) this.outbox.onShown(nonce);
  }

  onError({ code, message, nonce, retry_after: retryAfter }) {
    const text = hasText(`refused_${code}`) ? translate(`refused_${code}`) : message;
    if (nonce) this.outbox.onRefused(nonce, text, retryAfter);
    if (nonce && code === 'unavailable') {
      this.showsUnavailable = true;
      this.composer.showRefusal(text);
    }
    else if (!nonce && code === 'bad_message' && this.connection.isLive) this.outbox.postUnanswered();
    else if (!nonce && retryAfter === undefined) this.showHaltNotice(text);
  }

  // More was missed than the server sends one by one: load the page with the newest. Only once for each gap: a log
  // whose newest entries were deleted would otherwise make the page reload for ever.
  onGap({ from, to }) {
    const gap = `${this.room} ${from}`;
    const hasReloaded = load('sessionStorage', 'prosa.gap') === gap;
    save('sessionStorage', 'prosa.gap', gap);
    if (hasReloaded) this.connection.cursor = to;
    else location.reload();
  }

  // --- the connection's state

  onStateChange(state) {
    this.outbox.isOffline = state === 'offline';
    if (state === 'live') {
      this.composer.showLastingRefusal('');
      this.presence.reset();
      this.outbox.flush();
      this.panel.updateTimers();
    } else {
      this.outbox.requeueUnanswered();
      if (!document.hidden) this.conversation.startAway();
    }
    const { otherSignIn } = this.connection;
    if (otherSignIn) this.showHaltNotice(...otherSignInNotice(this.me, otherSignIn));
    if (state === 'stopped' && !otherSignIn?.name) this.outbox.failAll(this.haltNotice[0]);
    if (state === 'offline') this.outbox.flush();
    this.announcer.announceState(state);
    this.presence.showOwnState(state === 'live');
    this.showPanel();
  }

  showPanel() {
    this.panel.show(this.connection, this.outbox.waitingCount);
  }

  // Say why nothing is sent from this page, now and at each try to send. The notice is a text and perhaps a link.
  showHaltNotice(...notice) {
    this.haltNotice = notice;
    this.composer.showLastingRefusal(...notice);
  }

  onVisibilityChange() {
    if (document.hidden) this.conversation.startAway();
    else this.reading.update();
  }

  // Show in the title and in the icon of the page how much is new in all rooms.
  showCount(count) {
    document.title = count ? `(${count}) ${this.title}` : this.title;
    const shown = count > MAX_ICON_COUNT ? 'many' : count;
    this.icon.href = count ? `/favicon-${shown}.svg` : this.plainIcon;
  }
}
