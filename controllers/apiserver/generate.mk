# OpenAPI definitions of the kinds the aggregated API server serves. The definitions of Kubernetes' own
# types come from the module k8s.io/kube-aggregator; openapi/definitions.go puts them together.

.PHONY: generate-openapi
generate-openapi:
	go tool openapi-gen \
		--output-dir controllers/apiserver/openapi \
		--output-pkg github.com/seaway-io/seaway/controllers/apiserver/openapi \
		--output-file zz_generated.openapi.go \
		--go-header-file /dev/null --report-filename /dev/null \
		./api/cluster/v1alpha1
