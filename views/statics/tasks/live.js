// The list's connection to the live chat: the entries of the room, the state in the header, the rooms in the sidebar.

import { Connection } from '../connection.js';
import { fetchSignIn } from '../identity.js';
import { translate } from '../locale.js';
import { ConnectionPanel, otherSignInNotice } from '../panel.js';
import { Places } from '../places.js';
import { tasks } from './module.js';

const IS_OF_TASKS = /^task_/;

class TaskLive {
  static $inject = ['$rootScope', 'announcer', 'page'];

  constructor($rootScope, announcer, page) {
    Object.assign(this, { $rootScope, announcer, page });
  }

  // Follow the room from the entry after `cursor`. on.entry(entry) is called for each entry of a task, on.gap() when
  // some were left out, on.state(state) when the connection's state changes; waitingCount() is shown beside that.
  start(cursor, on) {
    Object.assign(this, { on });
    this.places = new Places({ me: this.page.me, onCount: () => {} });
    this.panel = new ConnectionPanel({
      onReconnect: (transports) => this.connection.reopen(transports),
      onMeasure: () => this.connection.measure(),
      onRetry: () => this.connection.retryNow(),
    });
    this.connection = new Connection({
      room: this.page.room,
      me: this.page.me,
      cursor,
      transports: this.panel.transports,
      onMessage: (frame) => this.receive(frame),
      onStateChange: (state) => this.onStateChange(state),
      fetchSignIn,
    });
    this.connection.open();
  }

  receive(frame) {
    if (this.places.receive(frame)) return;
    if (frame.type === 'pong') this.show();
    if (frame.room !== this.page.room) return;
    if (frame.type === 'gap') this.onGap(frame);
    if (frame.type === 'entry' && IS_OF_TASKS.test(frame.kind)) {
      const isNews = !this.connection.wasMissed(frame.seq);
      this.$rootScope.$applyAsync(() => this.on.entry(frame, isNews));
    }
  }

  // More was missed than the server sends one by one: the list is asked for anew, and entries go on after the gap.
  onGap({ to }) {
    this.connection.cursor = Math.max(this.connection.cursor, to);
    this.$rootScope.$applyAsync(() => this.on.gap());
  }

  onStateChange(state) {
    this.announcer.announceState(state);
    this.show();
    if (state === 'live') this.panel.updateTimers();
    this.$rootScope.$applyAsync(() => this.on.state(state));
  }

  show() {
    this.panel.show(this.connection, this.on.waitingCount());
  }

  // End the connection: the room is lost, or somebody else is signed in now, or nobody.
  async halt(isRoomLost) {
    const signIn = isRoomLost ? null : await fetchSignIn();
    if (isRoomLost) this.connection.halt('stopped');
    else if (signIn) this.connection.checkMember(signIn);
  }

  // What is said once nothing more can be sent: a text and perhaps a link.
  get notice() {
    const { otherSignIn } = this.connection;
    return otherSignIn ? otherSignInNotice(this.page.me, otherSignIn) : [translate('refused_unknown_room')];
  }
}

tasks.service('taskLive', TaskLive);
