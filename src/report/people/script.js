"use strict";
const clusters = JSON.parse(document.getElementById("clusters").textContent);
const sections = [...document.querySelectorAll("section")];

// What the user chose for a cluster; null if nothing was changed.
function review(section) {
  const cluster = clusters[Number(section.dataset.cluster)];
  const name = section.querySelector("input[type=text]").value.trim();
  const boxes = [...section.querySelectorAll("input[data-face]")];
  const rejected = boxes.filter((box) => box.checked).map((box) => Number(box.dataset.face));
  const isNamed = name !== "" && name !== (cluster.subject ?? "");
  if (!isNamed && rejected.length === 0) {
    return null;
  }
  const without = new Set(rejected);
  return {
    subject_id: cluster.subject_id,
    name: isNamed ? name : null,
    face_ids: isNamed ? cluster.face_ids.filter((id) => !without.has(id)) : [],
    rejected_ids: rejected,
  };
}

function reviews() {
  return sections.map(review).filter((one) => one !== null);
}

function show(section) {
  section.classList.toggle("changed", review(section) !== null);
  const count = reviews().length;
  document.getElementById("changes").textContent = count === 0 ? "" : `${count} ${count === 1 ? "cluster" : "clusters"} changed`;
  document.getElementById("save").disabled = count === 0;
}

document.querySelector("main").addEventListener("input", (event) => show(event.target.closest("section")));

document.getElementById("save").addEventListener("click", () => {
  const saved = JSON.stringify({ review_version: 1, clusters: reviews() }, null, 2) + "\n";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([saved], { type: "application/json" }));
  link.download = "review.json";
  link.click();
  URL.revokeObjectURL(link.href);
});

// A browser may keep what was entered before the page was loaded again.
sections.forEach(show);
