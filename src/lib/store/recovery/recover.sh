placeholder until written
