-- Flux: a release of a chart.

local facts = { "lastAttemptedRevision", "lastAppliedRevision", "lastAttemptedValuesChecksum", "helmChart", "lastReleaseRevision" }
local failures = { "failures", "upgradeFailures", "installFailures" }

function Retain(desired, observed)
  return suspended(desired, observed)
end

function ReflectStatus(obj)
  return stamp(obj, reflect(obj, {
    "conditions", "lastAttemptedRevision", "lastAppliedRevision", "lastAttemptedValuesChecksum", "helmChart", "lastReleaseRevision",
    "failures", "upgradeFailures", "installFailures",
  }))
end

function AggregateStatus(obj, items)
  local all, status = reports(items), statusOf(obj)
  last(all, facts, status)
  sum(all, failures, status, true)
  status.conditions = conditions(all)
  observe(obj, items)
  return obj
end

function InterpretHealth(obj)
  return at(condition(object(obj, "status"), "Ready"), "reason") == "ReconciliationSucceeded"
end

function GetDependencies(obj)
  local spec = object(obj, "spec")
  local references, need = needs(obj)
  for _, values in each(spec, "valuesFrom") do
    local kind = at(values, "kind")
    if kind == "Secret" or kind == "ConfigMap" then
      need(kind, values.name)
    end
  end
  need("Secret", at(spec, "chart", "spec", "verify", "secretRef", "name"))
  need("Secret", at(spec, "kubeConfig", "secretRef", "name"))
  need("ServiceAccount", at(spec, "serviceAccountName"))
  return references
end
