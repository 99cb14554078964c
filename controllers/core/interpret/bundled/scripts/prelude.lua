-- What scripts of all groups share. A value of a wrong type is an error that names the field.

kube = require("kube")

-- at walks down an object: at(obj, "spec", "template"). It is nil where something is missing.
function at(value, field, ...)
  if value == nil or field == nil then
    return value
  end
  if type(value) ~= "table" then
    error(field .. ": must be in an object, is in a " .. type(value), 0)
  end
  return at(value[field], ...)
end

-- object is at for what has to be an object or a list.
function object(value, ...)
  local part = at(value, ...)
  if part ~= nil and type(part) ~= "table" then
    local path = { ... }
    error((path[#path] or "value") .. ": must be an object or a list, is a " .. type(part), 0)
  end
  return part
end

-- each walks over a list that may be missing.
function each(value, ...)
  return ipairs(object(value, ...) or {})
end

-- number is a field that has to be a number, or what it is when it is not set.
function number(value, field, unset)
  local n = nil
  if type(value) == "table" then
    n = value[field]
  else
    n = at(value, field)
  end
  if type(n) == "number" then
    return n
  end
  if n ~= nil then
    error(field .. ": must be a number, is a " .. type(n), 0)
  end
  return unset
end

-- Replicas

-- requirements are what one pod with a template asks for.
function requirements(template)
  if template == nil then
    return nil
  end
  return kube.accuratePodRequirements(template)
end

-- podReplicas answers GetReplicas for kinds that are built as a Deployment is.
function podReplicas(obj, field)
  local spec = object(obj, "spec")
  return number(spec, field, 1), requirements(at(spec, "template"))
end

-- Dependencies

-- needs is a list of references, and a function that adds one to an object of a core kind in the
-- namespace of obj.
function needs(obj)
  local references, namespace = {}, at(obj, "metadata", "namespace")
  return references, function(kind, name)
    if name ~= nil and name ~= "" then
      references[#references + 1] = { apiVersion = "v1", kind = kind, namespace = namespace, name = name }
    end
  end
end

-- podNeeds are the references of pods with any of the templates.
function podNeeds(obj, templates)
  local references = {}
  for _, template in ipairs(templates) do
    for _, reference in ipairs(kube.getPodDependencies(template, at(obj, "metadata", "namespace")) or {}) do
      references[#references + 1] = reference
    end
  end
  return references
end

-- templateNeeds answers GetDependencies for kinds with one pod template.
function templateNeeds(obj)
  return podNeeds(obj, { object(obj, "spec", "template") })
end

-- What is brought home

-- reflect are fields of the status.
function reflect(obj, fields)
  local status = object(obj, "status")
  if status == nil then
    return nil
  end
  local out = {}
  for _, field in ipairs(fields) do
    out[field] = status[field]
  end
  return out
end

-- stamp adds to a status how new it is: which generation of the member's object its controller has seen,
-- which one there is, and which generation of the template that was made from.
function stamp(obj, status)
  if status ~= nil then
    status.observedGeneration = at(obj, "status", "observedGeneration")
    status.generation = at(obj, "metadata", "generation")
    status.resourceTemplateGeneration = tonumber(at(obj, "metadata", "annotations", "resourcetemplate.karmada.io/generation"))
  end
  return status
end

-- Sums over clusters

-- reports are the statuses that have been reported, in the order of the clusters.
function reports(items)
  local out = {}
  for _, item in ipairs(items) do
    local status = object(item, "status")
    if status ~= nil then
      out[#out + 1] = { cluster = item.clusterName, status = status }
    end
  end
  return out
end

-- statusOf is the status of the template, to be changed.
function statusOf(obj)
  obj.status = object(obj, "status") or {}
  return obj.status
end

-- sum adds fields up. With reported set, a field that nobody reports is left out.
function sum(all, fields, status, reported)
  for _, field in ipairs(fields) do
    local total = nil
    for _, report in ipairs(all) do
      local n = number(report.status, field)
      if n ~= nil then
        total = (total or 0) + n
      end
    end
    if total == nil and not reported then
      total = 0
    end
    status[field] = total
  end
end

-- last takes fields as the last cluster has them that says anything.
function last(all, fields, status)
  for _, field in ipairs(fields) do
    status[field] = nil
    for _, report in ipairs(all) do
      local value = report.status[field]
      if value ~= nil and value ~= "" then
        status[field] = value
      end
    end
  end
end

-- first takes fields as the first cluster has them that has them.
function first(all, fields, status)
  for _, field in ipairs(fields) do
    status[field] = nil
    for _, report in ipairs(all) do
      if status[field] == nil then
        status[field] = report.status[field]
      end
    end
  end
end

-- instant is a time as it is written, for what is compared as text; nil where there is none.
function instant(value, field)
  local t = at(value, field)
  if t == "" then
    return nil
  end
  if t ~= nil and type(t) ~= "string" then
    error(field .. ": must be a time, is a " .. type(t), 0)
  end
  return t
end

-- newest is the newest time in a field of statuses or conditions.
function newest(values, field)
  local out = nil
  for _, value in ipairs(values) do
    local t = instant(value, field)
    if t ~= nil and (out == nil or t > out) then
      out = t
    end
  end
  return out
end

-- oldest is the oldest time in a field of statuses or conditions.
function oldest(values, field)
  local out = nil
  for _, value in ipairs(values) do
    local t = instant(value, field)
    if t ~= nil and (out == nil or t < out) then
      out = t
    end
  end
  return out
end

-- statusesOf are the statuses of reports without the names of the clusters.
function statusesOf(all)
  local out = {}
  for i, report in ipairs(all) do
    out[i] = report.status
  end
  return out
end

-- clustersOf are the names of the clusters.
function clustersOf(all)
  local out = {}
  for i, report in ipairs(all) do
    out[i] = report.cluster
  end
  return table.concat(out, ", ")
end

-- observe says which generation of the template has been seen: the present one when every cluster has
-- seen what became of it there, until then an older one.
function observe(obj, items)
  local status, generation = statusOf(obj), number(object(obj, "metadata"), "generation", 0)
  for _, item in ipairs(items) do
    local s = object(item, "status")
    if s == nil or number(s, "observedGeneration", 0) < number(s, "generation", 0) or number(s, "resourceTemplateGeneration", 0) < generation then
      status.observedGeneration = status.observedGeneration or 0
      return
    end
  end
  status.observedGeneration = generation
end

-- longestMessage is what a condition holds.
local longestMessage = 32768

-- conditions are the conditions of all clusters. Those of the same type, status and reason are one, with
-- a message that names the clusters.
function conditions(all)
  local out, messages, lengths = {}, {}, {}
  for _, report in ipairs(all) do
    for _, condition in each(report.status, "conditions") do
      local message = report.cluster .. "=" .. (at(condition, "message") or "")
      local found = nil
      for i, c in ipairs(out) do
        if c.type == condition.type and c.status == condition.status and c.reason == condition.reason then
          found = i
        end
      end
      if found == nil then
        out[#out + 1] = condition
        messages[#out], lengths[#out] = { message }, #message
      elseif lengths[found] + #message + 2 <= longestMessage then
        table.insert(messages[found], message)
        lengths[found] = lengths[found] + #message + 2
      end
    end
  end
  for i, condition in ipairs(out) do
    condition.message = table.concat(messages[i], ", ")
  end
  return out
end

-- condition is the condition of a type that is True, if it is.
function condition(status, name)
  for _, c in each(status, "conditions") do
    if at(c, "type") == name and c.status == "True" then
      return c
    end
  end
  return nil
end

-- single is the status of the only cluster, for kinds that are not added up when there is one. The fields
-- that stamp has added are not fields of the kind.
function single(items)
  if #items ~= 1 then
    return nil
  end
  local status = object(items[1], "status")
  if status ~= nil then
    status.generation, status.resourceTemplateGeneration = nil, nil
  end
  return status
end

-- suspended keeps the switch of the member: spec.suspend is thrown there too.
function suspended(desired, observed)
  local suspend = at(observed, "spec", "suspend")
  if suspend ~= nil then
    desired.spec.suspend = suspend
  end
  return desired
end
