package engine

type pool struct{}

func newPool(Plan) *pool { return &pool{} }
