// The radio buttons of quiz(): an answer is shown as soon as an option is chosen.

function render({ model, el }) {
  el.innerHTML = model.get("form");
  const form = el.querySelector("form");
  const status = el.querySelector("[role=status]");
  form.onchange = (event) => {
    status.innerHTML = model.get("replies")[event.target.value];
  };
  form.onsubmit = () => false; // the Enter key must not load a page
  form.onkeydown = (event) => {
    // Arrow keys and space choose an option here; the notebook must not move to another cell.
    if (/^Arrow|^ $/.test(event.key)) event.stopPropagation();
  };
}

export default { render };
