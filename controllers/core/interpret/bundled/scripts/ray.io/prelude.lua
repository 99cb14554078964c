-- What the kinds of Ray share: a cluster of one head and groups of workers.

-- rayTemplates are the pod templates of a cluster.
function rayTemplates(cluster)
  local out = { object(cluster, "headGroupSpec", "template") }
  for _, group in each(cluster, "workerGroupSpecs") do
    out[#out + 1] = object(group, "template")
  end
  return out
end

-- rayComponents are the head and the groups of workers.
function rayComponents(cluster)
  local components = {}
  local head = object(cluster, "headGroupSpec", "template")
  if head ~= nil then
    components[1] = { name = "ray-head", replicas = 1, replicaRequirements = requirements(head) }
  end
  for i, group in each(cluster, "workerGroupSpecs") do
    local name = at(group, "groupName")
    if name == nil or name == "" then
      name = "worker-" .. i
    end
    components[#components + 1] = { name = name, replicas = number(group, "replicas", 0), replicaRequirements = requirements(group.template) }
  end
  return components
end

-- reflectRay is the whole status, and how new it is.
function reflectRay(obj)
  return stamp(obj, object(obj, "status"))
end

-- aggregateOne takes the status of the only cluster as it is, if there is but one. Which generation has
-- been seen is said of the template, as for several.
function aggregateOne(obj, items)
  if #items ~= 1 or items[1].status == nil then
    return false
  end
  observe(obj, items)
  local seen = obj.status.observedGeneration
  obj.status = single(items)
  obj.status.observedGeneration = seen
  return true
end

-- noticed are conditions that matter when they are True; the others matter when they are not.
local noticed = {
  ReplicaFailure = true, RayClusterReplicaFailure = true, RayClusterSuspending = true, RayClusterSuspended = true, UpgradeInProgress = true,
}

-- rayConditions are one condition of each type, for the definition allows no more. Where clusters differ,
-- it is the one that matters.
function rayConditions(all)
  local out, places = {}, {}
  for _, condition in ipairs(conditions(all)) do
    local place = places[condition.type or ""]
    local matters = (condition.status == "True") == (noticed[condition.type or ""] == true)
    if place == nil then
      out[#out + 1] = condition
      places[condition.type or ""] = #out
    elseif matters and (out[place].status == "True") ~= (noticed[condition.type or ""] == true) then
      out[place] = condition
    end
  end
  return out
end
