package names

// QuotaLedgerAnnotation on a FederatedResourceQuota is what its admissions are decided by: see
// controllers/core/quota.
const QuotaLedgerAnnotation = "seaway.dev/quota-ledger"
