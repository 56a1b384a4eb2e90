// Create an element. The text is set as text, never as HTML.
export function element(name, className = '', text = '') {
  const created = document.createElement(name);
  if (className) created.className = className;
  if (text) created.textContent = text;
  return created;
}
