// Package manifest says what a manifest in a Work holds: what of a template stays
// behind in the control plane, and the marks that tie the member object to its Work.
// It is pure; it does not decide which manifests there are.
package manifest
