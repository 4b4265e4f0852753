"use strict";
// The description that FastAPI makes of the app, as a page; no library, so that it needs no network.

const element = (name, content = "") => Object.assign(document.createElement(name), { textContent: content });

function example(method, path, operation) {
  const address = new URL(path.slice(1), document.baseURI).href;
  if (!operation.requestBody) return `curl ${address}`;
  return `curl -F file=@picture.png ${address}\n`
    + `curl -H 'Content-Type: image/png' --data-binary @picture.png ${address}`;
}

function table(heads, rows) {
  const result = element("table");
  const head = result.createTHead().insertRow();
  for (const words of heads) head.append(Object.assign(element("th", words), { scope: "col" }));
  const body = result.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const words of row) line.append(element("td", words));
  }
  return result;
}

function fields(schema, all) {
  const { $ref } = schema ?? {};
  const found = $ref ? all[$ref.split("/").pop()] : schema;
  if (found?.type === "array") return [fields(found.items, all)];
  if (found?.anyOf) return fields(found.anyOf[0], all);
  if (!found?.properties) return found?.type ?? "text";
  return Object.fromEntries(Object.entries(found.properties).map(([name, value]) => [name, fields(value, all)]));
}

async function main() {
  const { paths, components } = await (await fetch("openapi.json")).json();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const section = element("section");
      section.append(element("h2", `${method.toUpperCase()} ${path}`), element("p", operation.summary));
      section.append(element("pre", example(method, path, operation)));
      if (operation.requestBody) {
        section.append(element("p", operation.requestBody.description));
        section.append(element("p", `Content-Type: ${Object.keys(operation.requestBody.content).join(", ")}`));
      }
      if (operation.parameters) {
        section.append(table(["Parameter", "In", "Type"],
          operation.parameters.map((one) => [one.name, one.in, one.schema.type])));
      }
      section.append(table(["Status", "When", "Answer"], Object.entries(operation.responses).map(([status, one]) => [
        status, one.description, JSON.stringify(fields(one.content?.["application/json"]?.schema, components.schemas)),
      ])));
      document.getElementById("operations").append(section);
    }
  }
}

main().catch(() => document.getElementById("operations").append(element("p", "openapi.json cannot be read.")));
