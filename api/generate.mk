# Generated parts of the API: the deep copies beside the types, and the CRD manifests.
#
# cluster.karmada.io and search.karmada.io are served by aggregated API servers; their packages
# carry +kubebuilder:skip, so no CRD is made for them.
#
# The multicluster.x-k8s.io manifests come from the mcs-api module without their second version,
# v1beta1. Discovery would prefer it, and policies that select v1alpha1 would match no more.

CRD_DIR := charts/seaway/crds

.PHONY: generate-api
generate-api:
	go tool controller-gen object paths=./api/...
	mkdir -p $(CRD_DIR)
	rm -f $(CRD_DIR)/*.yaml
	go tool controller-gen crd paths=./api/... output:crd:dir=$(CRD_DIR)
	for f in $$(go list -m -f '{{.Dir}}' sigs.k8s.io/mcs-api)/config/crd/*.yaml; do \
		awk '/- name: v1beta1/ { exit } { sub("storage: false", "storage: true"); print }' $$f \
			> $(CRD_DIR)/$$(basename $$f) || exit 1; \
	done
