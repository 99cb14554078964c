local kube = require("kube")

function GetReplicas(obj)
  return obj.spec.replicas or 1, kube.accuratePodRequirements(obj.spec.template)
end

function ReviseReplica(obj, desired)
  obj.spec.replicas = desired
  return obj
end

function Retain(desired, observed)
  desired.spec.paused = observed.spec.paused
  return desired
end

function AggregateStatus(obj, items)
  local status = { ready = 0, clusters = {} }
  for i, item in ipairs(items) do
    if item.status ~= nil then
      status.ready = status.ready + (item.status.ready or 0)
      status.clusters[#status.clusters + 1] = item.clusterName
    end
  end
  obj.status = status
  return obj
end

function ReflectStatus(obj)
  return { ready = obj.status.ready, conditions = obj.status.conditions }
end

function InterpretHealth(obj)
  return obj.status ~= nil and obj.status.ready == obj.spec.replicas
end

function GetDependencies(obj)
  return kube.getPodDependencies(obj.spec.template, obj.metadata.namespace)
end

function GetComponents(obj)
  return {
    { name = "main", replicas = obj.spec.replicas, replicaRequirements = kube.accuratePodRequirements(obj.spec.template) },
    { name = "idle", replicas = 0 },
  }
end
