// Package contract holds the wire contract of the karmada.io and multicluster.x-k8s.io
// kinds as tables, and the test that compares them with the generated manifests and
// with the Go types. It has no code of its own.
//
// testdata/kinds.tsv has one line per kind and version. The column served is "stored"
// (a CRD's storage version), "served" (another version of a CRD) or "aggregated" (no
// CRD); fields names the table of its fields; columns lists the printed columns as
// name:type:path:priority.
//
// testdata/fields.tsv has one line per field below the object's metadata. In a path []
// is a list item. In the column structure "map[k]" and "atomic" are list types,
// "map-atomic" is an object that is replaced as a whole, and "any-content" an object
// whose fields are not checked. Kinds with the same schema share a table.
package contract
