-- Flux: a chart of a repository.

local source = Source({ "artifact", "observedChartName", "observedSourceArtifactRevision", "url" })

function Retain(desired, observed)
  return suspended(desired, observed)
end

function ReflectStatus(obj)
  return stamp(obj, reflect(obj, { "conditions", "artifact", "observedChartName", "observedSourceArtifactRevision", "url" }))
end

function AggregateStatus(obj, items)
  return source.aggregate(obj, items)
end

function InterpretHealth(obj)
  return source.healthy(obj, { "Succeeded", "ChartPullSucceeded" })
end

function GetDependencies(obj)
  return (source.secrets(obj, { { "verify", "secretRef", "name" } }))
end
