-- Kubeflow: training with PyTorch.

local roles = { "Master", "Worker" }

function GetComponents(obj)
  return roleComponents(object(obj, "spec", "pytorchReplicaSpecs"), roles)
end

function AggregateStatus(obj, items)
  return aggregateTraining(obj, items, roles, "PyTorchJob")
end

function InterpretHealth(obj)
  return notFailed(obj)
end

function GetDependencies(obj)
  return roleNeeds(obj, object(obj, "spec", "pytorchReplicaSpecs"), roles)
end
