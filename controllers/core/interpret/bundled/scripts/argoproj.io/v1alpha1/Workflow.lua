-- Argo Workflows: parallelism is how many pods run at a time.

local function pod(spec, fields)
  local out = {}
  for _, field in ipairs(fields) do
    out[field] = at(spec, field)
  end
  return { spec = out }
end

function GetReplicas(obj)
  local spec = object(obj, "spec")
  return number(spec, "parallelism", 1), requirements(pod(spec, { "affinity", "nodeSelector", "tolerations" }))
end

function ReviseReplica(obj, replicas)
  obj.spec.parallelism = replicas
  return obj
end

-- The controller keeps its progress in the status, which is no subresource here.
function Retain(desired, observed)
  if observed.status ~= nil then
    desired.status = observed.status
  end
  return suspended(desired, observed)
end

function InterpretHealth(obj)
  local phase = at(obj, "status", "phase")
  return phase ~= nil and phase ~= "" and phase ~= "Failed" and phase ~= "Error"
end

function GetDependencies(obj)
  local spec = object(obj, "spec")
  local references, need = needs(obj)
  need("ServiceAccount", at(spec, "executor", "serviceAccountName"))
  for _, claim in each(spec, "volumeClaimTemplates") do
    need("PersistentVolumeClaim", at(claim, "metadata", "name"))
  end
  for _, reference in ipairs(podNeeds(obj, { pod(spec, { "volumes", "imagePullSecrets", "serviceAccountName" }) })) do
    references[#references + 1] = reference
  end
  return references
end
