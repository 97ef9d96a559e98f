"""What is wrong between catalog, bucket and database, found without asking anybody."""
