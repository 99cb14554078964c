-- OpenKruise: pods that are all alike.

local counters = { "replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "updatedReadyReplicas", "expectedUpdatedReplicas" }

function GetReplicas(obj)
  return podReplicas(obj, "replicas")
end

function ReviseReplica(obj, replicas)
  obj.spec.replicas = replicas
  return obj
end

function ReflectStatus(obj)
  return stamp(obj, reflect(obj, {
    "replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "updatedReadyReplicas", "expectedUpdatedReplicas",
    "updateRevision", "currentRevision", "labelSelector",
  }))
end

function AggregateStatus(obj, items)
  aggregateWorkload(obj, items, counters, { "updateRevision", "currentRevision", "labelSelector" })
  return obj
end

function InterpretHealth(obj)
  return rolledOut(obj, number(object(obj, "spec"), "replicas", 0), "updatedReplicas", "availableReplicas")
end

function GetDependencies(obj)
  return templateNeeds(obj)
end
