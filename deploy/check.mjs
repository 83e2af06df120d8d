// Whether objects that only operators know are as their CRDs want them: node check.mjs NODE_MODULES OBJECTS.json. See check.sh.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [, , modules, objects] = process.argv;
const models = (path) => import(pathToFileURL(resolve(modules, "@kubernetes-models", path, "index.js")));

const monitoring = await models("prometheus-operator/monitoring.coreos.com/v1");
const keda = await models("keda/keda.sh/v1alpha1");
const kinds = {
  PodMonitor: monitoring.PodMonitor,
  PrometheusRule: monitoring.PrometheusRule,
  ScaledObject: keda.ScaledObject,
};

for (const object of JSON.parse(readFileSync(objects, "utf8"))) {
  const Kind = kinds[object.kind];
  if (!Kind) continue;
  try {
    new Kind(object).validate();
  } catch (problem) {
    console.error(`${object.kind} ${object.metadata.name}: ${problem.message}`);
    process.exitCode = 1;
  }
}
