// Copying an invitation link. Without this the link stands in a field, ready to be copied by hand.

for (const button of document.querySelectorAll('.copy')) {
  const link = button.parentElement.querySelector('.link');
  const [words, name] = [button.textContent, button.getAttribute('aria-label')];
  button.hidden = false;
  button.addEventListener('click', async () => {
    link.select();
    // navigator.clipboard exists only where the page came by HTTPS or from this machine.
    if (navigator.clipboard) await navigator.clipboard.writeText(link.value);
    else document.execCommand('copy');
    show(button, button.dataset.done, button.dataset.done);
    setTimeout(() => show(button, words, name), 2000);
  });
}

for (const link of document.querySelectorAll('.link')) link.addEventListener('focus', () => link.select());
// The link just made. Where the address has a fragment, browsers heed no autofocus and, once all is loaded, take
// the focus away.
addEventListener('load', () => setTimeout(() => document.querySelector('.link[autofocus]')?.focus()));

function show(button, words, name) {
  button.textContent = words;
  button.setAttribute('aria-label', name);
}
