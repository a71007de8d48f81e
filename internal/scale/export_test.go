package scale

// Skip moves past a value without building it.
func (r *Registry) Skip(rd *Reader, id TypeID) { r.skip(rd, id) }
