-- Flux: what is applied from a source.

local revisions = { "lastAppliedRevision", "lastAttemptedRevision" }

function Retain(desired, observed)
  return suspended(desired, observed)
end

function ReflectStatus(obj)
  return stamp(obj, reflect(obj, { "conditions", "lastAppliedRevision", "lastAttemptedRevision" }))
end

function AggregateStatus(obj, items)
  local all, status = reports(items), statusOf(obj)
  last(all, revisions, status)
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
  need("Secret", at(spec, "decryption", "secretRef", "name"))
  need("Secret", at(spec, "kubeConfig", "secretRef", "name"))
  need("ServiceAccount", at(spec, "serviceAccountName"))
  return references
end
