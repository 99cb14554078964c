-- Flux: a bucket of an object store.

local source = Source({ "artifact", "url" })

function Retain(desired, observed)
  return suspended(desired, observed)
end

function ReflectStatus(obj)
  return stamp(obj, reflect(obj, { "conditions", "artifact", "observedIgnore", "url" }))
end

function AggregateStatus(obj, items)
  return source.aggregate(obj, items)
end

function InterpretHealth(obj)
  return source.healthy(obj, { "Succeeded" })
end

function GetDependencies(obj)
  return (source.secrets(obj, { { "secretRef", "name" } }))
end
