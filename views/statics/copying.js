// Copies an invitation link or a token by a button. Without a script it stands in a field, from which it can be copied.

const COPIED_MS = 2000;  // how long a button says that it is copied

for (const button of document.querySelectorAll('.copy')) {
  const link = button.parentElement.querySelector('.link');
  const [text, label] = [button.textContent, button.getAttribute('aria-label')];
  button.hidden = false;
  button.addEventListener('click', async () => {
    link.select();
    // navigator.clipboard exists only on pages served over HTTPS or from localhost.
    if (navigator.clipboard) await navigator.clipboard.writeText(link.value);
    else document.execCommand('copy');
    setText(button, button.dataset.done, button.dataset.done);
    setTimeout(() => setText(button, text, label), COPIED_MS);
  });
}

for (const link of document.querySelectorAll('.link')) link.addEventListener('focus', () => link.select());
// Focus the link just made. Where the address has a fragment, browsers ignore autofocus and move the focus away once
// all is loaded.
addEventListener('load', () => setTimeout(() => document.querySelector('.link[autofocus]')?.focus()));

function setText(button, text, label) {
  button.textContent = text;
  button.setAttribute('aria-label', label);
}
