"use strict";
const plan = JSON.parse(document.getElementById("plan").textContent);
const number = new Intl.NumberFormat("en");
const size = (bytes) => (bytes < 1 << 20 ? `${number.format(Math.ceil(bytes / 1024))} KiB` : `${number.format(Math.round(bytes / (1 << 20)))} MiB`);

function keepsOne(group) {
  return group.keep_all || group.members.some((member) => member.action === "keep");
}

function show(section, group) {
  section.querySelectorAll("figure").forEach((figure, at) => {
    figure.className = group.keep_all ? "keep" : group.members[at].action;
  });
  section.querySelector(".wrong").hidden = keepsOne(group);
}

function showSum() {
  let files = 0;
  let bytes = 0;
  for (const group of plan.groups.filter((group) => !group.keep_all)) {
    for (const member of group.members.filter((member) => member.action === "move")) {
      files += member.files.reduce((sum, file) => sum + file.paths.length, 0);
      bytes += member.files.reduce((sum, file) => sum + file.bytes, 0);
    }
  }
  plan.counts.moved_files = files;
  plan.counts.moved_bytes = bytes;
  plan.counts.moved_items = plan.groups.filter((group) => !group.keep_all).flatMap((group) => group.members).filter((member) => member.action === "move").length;
  document.getElementById("sum").textContent = `${number.format(files)} files (${size(bytes)}) would move`;
  document.getElementById("save").disabled = !plan.groups.every(keepsOne);
}

const sections = [...document.querySelectorAll("section[data-group]")];
const changed = new Set();
let isSaved = true;
// A path that is not Unicode is shown with U+FFFD for its other bytes.
const bytesOf = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (digits) => parseInt(digits, 16));
const textOf = (path) => (typeof path === "string" ? path : new TextDecoder().decode(bytesOf(path.hex)));
// One letter with an accent may be written in two ways.
const searchable = (text) => text.normalize("NFC").toLowerCase();
const paths = plan.groups.map((group) =>
  searchable(group.members.flatMap((member) => member.files).flatMap((file) => file.paths).map(textOf).join("\n")));

function filter() {
  const kind = document.getElementById("show").value;
  const part = searchable(document.getElementById("search").value.trim());
  let count = 0;
  sections.forEach((section, at) => {
    const isKind = kind === "all" || (kind === "changed" ? changed.has(at) : plan.groups[at].kind === kind);
    section.hidden = !isKind || !paths[at].includes(part);
    count += section.hidden ? 0 : 1;
  });
  document.getElementById("shown").textContent = count < sections.length ? `${number.format(count)} ${count === 1 ? "group" : "groups"} shown` : "";
}

// Files with equal bytes share one embedded picture.
for (const image of document.querySelectorAll("img[data-same]")) {
  const figures = image.closest("section").querySelectorAll("figure");
  image.src = figures[Number(image.dataset.same)].querySelector("img").src;
  image.alt = "";
}

document.getElementById("show").addEventListener("change", () => {
  filter();
  window.scrollTo(0, 0);
});
document.getElementById("search").addEventListener("input", filter);

document.querySelector("main").addEventListener("change", (event) => {
  const section = event.target.closest("section");
  const group = plan.groups[Number(section.dataset.group)];
  changed.add(Number(section.dataset.group));
  isSaved = false;
  if (event.target.dataset.member === undefined) {
    group.keep_all = event.target.checked;
  } else {
    group.members[Number(event.target.dataset.member)].action = event.target.checked ? "move" : "keep";
  }
  show(section, group);
  showSum();
});

document.getElementById("save").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(plan, null, 2) + "\n"], { type: "application/json" }));
  link.download = "plan.json";
  link.click();
  URL.revokeObjectURL(link.href);
  isSaved = true;
});

window.addEventListener("beforeunload", (event) => {
  if (!isSaved) {
    event.preventDefault();
  }
});

showSum();
