-- Kubeflow: training with TensorFlow.

local roles = { "PS", "Worker", "Chief", "Master", "Evaluator" }

function GetComponents(obj)
  return roleComponents(object(obj, "spec", "tfReplicaSpecs"), roles)
end

function AggregateStatus(obj, items)
  return aggregateTraining(obj, items, roles, "TFJob")
end

function InterpretHealth(obj)
  return notFailed(obj)
end

function GetDependencies(obj)
  return roleNeeds(obj, object(obj, "spec", "tfReplicaSpecs"), roles)
end
