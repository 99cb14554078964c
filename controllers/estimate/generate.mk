# The messages of the estimator service, from wire/estimator.proto. The generator and protoc-gen-go come
# from Go modules; no protoc is needed.

.PHONY: generate-estimator
generate-estimator:
	go run ./controllers/estimate/wire/generate \
		controllers/estimate/wire/estimator.proto controllers/estimate/wire/zz_generated.estimator.pb.go
