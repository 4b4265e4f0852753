// The radio buttons of quiz(): a reply is shown as soon as an option is chosen.

function render({ model, el }) {
  const buttons = model.get("options").map(
    (option, i) => `<label style="display:block;padding:4px">
      <input type="radio" name="option" value="${i}"> ${option}</label>`,
  );
  el.innerHTML = `<form style="font-size:14px;line-height:1.4">
    <fieldset style="border:0;margin:0;padding:0">
      <legend style="padding:0"><strong>${model.get("question")}</strong></legend>${buttons.join("")}
    </fieldset>
    <p role="status" style="margin:4px;min-height:1.4em"></p></form>`;
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
