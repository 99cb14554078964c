-- Kyverno: a policy of a cluster.

function ReflectStatus(obj)
  return reflectPolicy(obj)
end

function AggregateStatus(obj, items)
  return aggregatePolicy(obj, items)
end

function InterpretHealth(obj)
  return policyHealthy(obj)
end
