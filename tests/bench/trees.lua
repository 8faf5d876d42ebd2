-- trees.lua: allocation, tables and strings in Lua.  Argument: depth of the trees.
local function tree(depth)
    if depth == 0 then return {} end
    return { tree(depth - 1), tree(depth - 1) }
end

local function count(node)
    if not node[1] then return 1 end
    return 1 + count(node[1]) + count(node[2])
end

local depth, sum, words = tonumber(arg[1]) or 12, 0, {}
for i = 1, 20 do
    sum = sum + count(tree(depth))
    words[#words + 1] = string.format("%d:%s", i, ("x"):rep(i % 7))
end
print(sum, #table.concat(words, ","))
