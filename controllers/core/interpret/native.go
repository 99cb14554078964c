package interpret

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// table is a layer that knows a fixed set of kinds.
type table map[schema.GroupVersionKind]Hooks

// Hooks implements Layer.
func (t table) Hooks(kind schema.GroupVersionKind) Hooks { return t[kind] }

func kind(group, version, name string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: group, Version: version, Kind: name}
}

// native is what is known of Kubernetes' own kinds. Each line is a kind; what is not set has the
// default the Interpreter's methods describe.
var native = table{
	kind("apps", "v1", "Deployment"): {
		Replicas: podTemplateReplicas, ReviseReplica: reviseField("spec", "replicas"), Retain: retainReplicas,
		Status: deploymentCounters.reflect, AggregateStatus: deploymentCounters.aggregate, Health: deploymentHealth, Dependencies: podTemplateDependencies,
	},
	kind("apps", "v1", "ReplicaSet"): {
		Replicas: podTemplateReplicas, ReviseReplica: reviseField("spec", "replicas"),
		Status: replicaSetCounters.reflect, AggregateStatus: replicaSetCounters.aggregate, Health: replicaSetHealth, Dependencies: podTemplateDependencies,
	},
	kind("apps", "v1", "StatefulSet"): {
		Replicas: podTemplateReplicas, ReviseReplica: reviseField("spec", "replicas"),
		Status: statefulSetCounters.reflect, AggregateStatus: statefulSetCounters.aggregate, Health: statefulSetHealth, Dependencies: statefulSetDependencies,
	},
	kind("apps", "v1", "DaemonSet"): {
		Status: daemonSetCounters.reflect, AggregateStatus: daemonSetCounters.aggregate, Health: daemonSetHealth, Dependencies: podTemplateDependencies,
	},
	kind("batch", "v1", "Job"): {
		Replicas: jobReplicas, ReviseReplica: reviseField("spec", "parallelism"), Retain: retainJob,
		Status: reflectJob, AggregateStatus: aggregateJob, Dependencies: podTemplateDependencies,
	},
	kind("batch", "v1", "CronJob"): {
		AggregateStatus: aggregateCronJob, Dependencies: cronJobDependencies,
	},
	kind("", "v1", "Pod"): {
		Replicas: podReplicas, Retain: retainPod, AggregateStatus: aggregatePod, Health: podHealth, Dependencies: podDependencies,
	},
	kind("", "v1", "Service"): {
		Retain: retainService, Status: reflectService, AggregateStatus: aggregateService, Health: serviceHealth,
	},
	kind("networking.k8s.io", "v1", "Ingress"): {
		Status: wholeStatus, AggregateStatus: aggregateIngress, Health: addressHealth, Dependencies: ingressDependencies,
	},
	kind("", "v1", "PersistentVolumeClaim"): {
		Retain: retainVolumeClaim, AggregateStatus: aggregateVolumeClaim, Health: volumeClaimHealth,
	},
	kind("", "v1", "PersistentVolume"):                         {Retain: retainVolume, AggregateStatus: aggregateVolume},
	kind("", "v1", "ServiceAccount"):                           {Retain: retainServiceAccount},
	kind("", "v1", "Secret"):                                   {Retain: retainSecret},
	kind("policy", "v1", "PodDisruptionBudget"):                {Status: reflectDisruptionBudget, AggregateStatus: aggregateDisruptionBudget, Health: disruptionBudgetHealth},
	kind("autoscaling", "v2", "HorizontalPodAutoscaler"):       {Status: autoscalerCounters.reflect, AggregateStatus: autoscalerCounters.aggregate},
	kind("autoscaling", "v1", "HorizontalPodAutoscaler"):       {Status: autoscalerCounters.reflect, AggregateStatus: autoscalerCounters.aggregate},
	kind("multicluster.x-k8s.io", "v1alpha1", "ServiceImport"): {Dependencies: serviceImportDependencies},
}
