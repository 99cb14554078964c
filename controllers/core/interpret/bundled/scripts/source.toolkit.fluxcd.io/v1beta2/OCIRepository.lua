-- Flux: artifacts in a registry.

local source = Source({ "artifact", "lastHandledReconcileAt", "url" })

function Retain(desired, observed)
  return suspended(desired, observed)
end

function ReflectStatus(obj)
  return stamp(obj, reflect(obj, { "conditions", "url", "artifact", "observedIgnore", "observedLayerSelector", "lastHandledReconcileAt" }))
end

function AggregateStatus(obj, items)
  return source.aggregate(obj, items)
end

function InterpretHealth(obj)
  return source.healthy(obj, { "Succeeded" })
end

function GetDependencies(obj)
  local references, need = source.secrets(obj, { { "secretRef", "name" }, { "verify", "secretRef", "name" }, { "certSecretRef", "name" } })
  need("ServiceAccount", at(obj, "spec", "serviceAccountName"))
  return references
end
