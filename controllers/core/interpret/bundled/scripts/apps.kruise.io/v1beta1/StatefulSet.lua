-- OpenKruise: pods with a name and volumes of their own.

local counters = { "replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas", "updatedReadyReplicas" }

function GetReplicas(obj)
  return podReplicas(obj, "replicas")
end

function ReviseReplica(obj, replicas)
  obj.spec.replicas = replicas
  return obj
end

function ReflectStatus(obj)
  return stamp(obj, reflect(obj, {
    "replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas", "updatedReadyReplicas",
    "updateRevision", "currentRevision",
  }))
end

function AggregateStatus(obj, items)
  aggregateWorkload(obj, items, counters, { "updateRevision", "currentRevision" })
  return obj
end

function InterpretHealth(obj)
  return rolledOut(obj, number(object(obj, "spec"), "replicas", 0), "updatedReplicas", "availableReplicas")
end

function GetDependencies(obj)
  return templateNeeds(obj)
end
