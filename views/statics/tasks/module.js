// The AngularJS application of a room's tasks, and what it may do at most. No text of a member is ever a template: that
// runs what stands in {{ }} (docs/security.rst, "AngularJS").

const NOTHING = /(?!)/;

export const tasks = angular.module('prosa.tasks', []);

tasks.config(['$compileProvider', '$httpProvider', ($compileProvider, $httpProvider) => {
  $compileProvider.debugInfoEnabled(false);
  $compileProvider.commentDirectivesEnabled(false);
  $compileProvider.cssClassDirectivesEnabled(false);
  $compileProvider.strictComponentBindingsEnabled(true);
  $compileProvider.aHrefSanitizationTrustedUrlList(new RegExp(`^${escape(location.origin)}/`));
  $compileProvider.imgSrcSanitizationTrustedUrlList(NOTHING);
  $httpProvider.defaults.headers.common.Accept = 'application/json';
}]);

export const templates = [];  // where those of all components are

// Return where the template of a component is, in the same version as this file.
export function templateOf(name) {
  const address = new URL(`./${name}.html`, import.meta.url).href;
  templates.push(address);
  return address;
}

const escape = (text) => text.replace(/[^\w]/g, '\\$&');
