// Buttons that copy the text of an element, or all of what it shows the beginning of; and the voice
// that says so to those who cannot see it.
"use strict";
(() => {
  const voice = document.createElement("div");
  voice.className = "unseen";
  voice.setAttribute("role", "status");
  document.body.append(voice);

  holdfast.say = (text) => { voice.textContent = text; };

  // A button says for a moment what became of it.
  holdfast.answer = (button, text) => {
    button.dataset.label ??= button.textContent;
    button.textContent = text;
    holdfast.say(text);
    setTimeout(() => { button.textContent = button.dataset.label; holdfast.say(""); }, 1500);
  };

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    const whole = async () => (await fetch(button.dataset.whole)).text();
    try {
      await navigator.clipboard.writeText(button.dataset.whole ? await whole() : source.textContent);
      holdfast.answer(button, "Copied");
    } catch {
      getSelection().selectAllChildren(source);
      holdfast.answer(button, "Selected");
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
})();
