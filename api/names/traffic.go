package names

// Annotations by which people steer traffic.
const (
	// DrainAnnotation on a Cluster keeps new requests of all applications from it while others can take
	// them. Its value is the reason; that of a drill begins with DrillDrainPrefix.
	DrainAnnotation = "traffic.seaway.dev/drain"

	// DrillDrainPrefix begins the reason of a drain that a drill asked for; the drill's name follows.
	DrillDrainPrefix = "drill/"

	// ResidencyAnnotation on a namespace of the hub is a wall around everything in it: a selector of
	// labels of Clusters, such as "geo=eu". Nothing of the namespace is placed in a cluster outside of
	// it, and no request of it is answered with one.
	ResidencyAnnotation = "traffic.seaway.dev/residency"
)
