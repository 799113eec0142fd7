"use strict";
const { gallery, clusters } = JSON.parse(document.getElementById("data").textContent);
const sections = [...document.querySelectorAll("section")];

// What the user has entered for a cluster.
function entered(section) {
  const cluster = clusters[Number(section.dataset.cluster)];
  const text = (name) => section.querySelector(`input.${name}`).value.trim();
  const [name, other] = [text("name"), text("other")];
  const boxes = [...section.querySelectorAll("input[data-face]")];
  const selected = boxes.filter((box) => box.checked).map((box) => Number(box.dataset.face));
  const isNamed = name !== "" && name !== (cluster.subject ?? "");
  const person = isNamed ? name : cluster.subject;
  return { cluster, name, other, selected, isNamed, person };
}

// What the user chose for a cluster; null if nothing was changed.
function review(section) {
  const { cluster, name, other, selected, isNamed, person } = entered(section);
  const moved = other !== "" && (other !== person || isNamed) ? selected : [];
  const rejected = other === "" && person !== null ? selected : [];
  if (!isNamed && rejected.length === 0 && moved.length === 0) {
    return null;
  }
  const without = new Set(selected);
  return {
    subject_id: cluster.subject_id,
    shown: cluster.subject,
    name: isNamed ? name : null,
    face_ids: isNamed ? cluster.face_ids.filter((id) => !without.has(id)) : [],
    rejected_ids: rejected,
    moved: moved.length > 0 ? [{ name: other, face_ids: moved }] : [],
  };
}

function reviews() {
  return sections.map(review).filter((one) => one !== null);
}

// What was entered and has no effect.
function note(section) {
  const { cluster, name, other, selected, isNamed, person } = entered(section);
  if (cluster.subject !== null && name === "") {
    return "The name stays: it can be replaced, but not removed.";
  }
  if (other !== "" && selected.length === 0) {
    return `Select the faces of ${other}.`;
  }
  if (other !== "" && other === person && !isNamed) {
    return `The selected faces are ${other} already.`;
  }
  if (other === "" && person === null && selected.length > 0) {
    return "Give the cluster or the selected faces a name; without one, the selection is not saved.";
  }
  return "";
}

function show(section) {
  section.classList.toggle("changed", review(section) !== null);
  section.querySelector(".note").textContent = note(section);
  const count = reviews().length;
  document.getElementById("changes").textContent = count === 0 ? "" : `${count} ${count === 1 ? "cluster" : "clusters"} changed`;
  document.getElementById("save").disabled = count === 0;
}

document.querySelector("main").addEventListener("input", (event) => show(event.target.closest("section")));

document.getElementById("save").addEventListener("click", () => {
  const saved = JSON.stringify({ review_version: 1, gallery, clusters: reviews() }, null, 2) + "\n";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([saved], { type: "application/json" }));
  link.download = "review.json";
  link.click();
  URL.revokeObjectURL(link.href);
});

// A browser may keep what was entered before the page was loaded again.
sections.forEach(show);
