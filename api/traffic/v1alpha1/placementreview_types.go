package v1alpha1

import "k8s.io/apimachinery/pkg/runtime"

// Kinds of what an HTTPPlugin and Seaway say to each other. They are no objects of the API: nothing
// stores them. Fields may be added to them in this version; a reader ignores those it does not know.
const (
	KindPlacementReviewRequest  = "PlacementReviewRequest"
	KindPlacementReviewResponse = "PlacementReviewResponse"
)

// PlacementReviewRequest asks an HTTPPlugin what it thinks of clusters for one binding. It is the body
// of a POST with the content type application/json.
type PlacementReviewRequest struct {
	// APIVersion is traffic.seaway.dev/v1alpha1.
	APIVersion string `json:"apiVersion"`
	// Kind is PlacementReviewRequest.
	Kind string `json:"kind"`
	// Binding is the ResourceBinding or ClusterResourceBinding to place: its spec, and of its metadata
	// the name, namespace, uid, labels and annotations of at most 4 KiB.
	Binding runtime.RawExtension `json:"binding"`
	// Clusters are all clusters that there are, also those that another filter has excluded already.
	Clusters []PlacementReviewCluster `json:"clusters"`
}

// PlacementReviewCluster is one cluster of the question.
type PlacementReviewCluster struct {
	// Name of the cluster.
	Name string `json:"name"`
	// Cluster is the object: its spec without credentials and proxy, its status without apiEnablements,
	// and of its metadata the same as of the binding.
	Cluster runtime.RawExtension `json:"cluster"`
	// Metrics are the numbers that expressions see as `metrics`.
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

// PlacementReviewResponse is the answer, with status 200.
type PlacementReviewResponse struct {
	// APIVersion is that of the request.
	APIVersion string `json:"apiVersion"`
	// Kind is PlacementReviewResponse.
	Kind string `json:"kind"`
	// Clusters are the opinions by name. A cluster without one may be used and gets no points; one
	// that was not asked about is ignored.
	Clusters map[string]PlacementReviewOpinion `json:"clusters"`
}

// PlacementReviewOpinion is what an HTTPPlugin thinks of a cluster.
type PlacementReviewOpinion struct {
	// Excluded clusters may not be used.
	Excluded bool `json:"excluded,omitempty"`
	// Reason says why, as in "<cluster> <reason>". It is cut at 256 characters.
	Reason string `json:"reason,omitempty"`
	// Score is from 0 to 100. What is beyond is cut off, and fractions are rounded.
	Score float64 `json:"score,omitempty"`
}
