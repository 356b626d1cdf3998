// Runs in the frame of the picture, which is a process of its own, so that a slow picture never slows the input: sends the
// page the keys and the pointer, and that it is still there.
"use strict";

const OURS = /^(Key[WASDRFQECTGN]|Arrow\w+|Space|Shift(Left|Right)|Enter|Delete)$/;
const post = (message) => parent.postMessage(message, "*");
for (const kind of ["keydown", "keyup"]) {
  addEventListener(kind, (event) => {
    if (kind === "keydown" && (event.ctrlKey || event.altKey || event.metaKey)) return post({ release: true });
    if (!OURS.test(event.code)) return;
    event.preventDefault();  // the picture has keys of its own
    event.stopImmediatePropagation();
    if (!event.repeat) post({ code: event.code, pressed: kind === "keydown" });
  }, true);
}
addEventListener("pointerdown", () => post({ pointer: true }), true);
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => post({ pointer: false }), true);
addEventListener("blur", () => post({ pointer: false }));
setInterval(() => post({}), 33);
addEventListener("DOMContentLoaded", () => {
  const style = document.createElement("style");
  style.textContent = ".mantine-Paper-root { display: none !important; }";  // no settings of viser's own
  document.head.append(style);
});
